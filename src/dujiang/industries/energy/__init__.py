"""Energy (能源): scenarios of the plan's task 9."""
