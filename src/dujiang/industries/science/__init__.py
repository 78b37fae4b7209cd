"""Science (科学研究): scenarios of the plan's task 1."""
