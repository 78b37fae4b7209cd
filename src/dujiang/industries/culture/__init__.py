"""Culture and tourism (文化旅游): scenarios of the plan's task 7."""
