"""Producer services (生产性服务业): scenarios of the plan's task 3."""
