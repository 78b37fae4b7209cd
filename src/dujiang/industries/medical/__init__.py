"""Health care (医疗): scenarios of the plan's task 6."""
