"""Manufacturing (智能制造): scenarios of the plan's task 2."""
