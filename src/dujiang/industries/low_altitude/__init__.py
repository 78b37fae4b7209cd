"""Low-altitude economy (低空): scenarios of the plan's task 5."""
