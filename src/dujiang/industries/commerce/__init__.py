"""Commerce (商贸): scenarios of the plan's task 11."""
