"""Employment (就业): scenarios of the plan's task 13."""
