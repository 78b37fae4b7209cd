"""International cooperation (国际合作): scenarios of the plan's task 20."""
