"""Urban and rural governance (城乡治理): scenarios of the plan's task 18."""
