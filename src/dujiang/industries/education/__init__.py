"""Education (教育): scenarios of the plan's task 12."""
