"""Emergency management and disaster prevention (应急管理与防灾减灾): scenarios of the plan's task 16."""
