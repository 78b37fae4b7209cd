"""Agriculture (农业): scenarios of the plan's task 4."""
