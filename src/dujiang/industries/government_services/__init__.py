"""Government services (政务服务): scenarios of the plan's task 17."""
