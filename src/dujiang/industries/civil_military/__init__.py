"""Civil-military integration (军民融合): scenarios of the plan's task 15."""
