"""Elder care (康养): scenarios of the plan's task 14."""
