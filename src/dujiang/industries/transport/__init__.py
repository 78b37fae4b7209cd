"""Transport (交通运输): scenarios of the plan's task 10."""
