"""What people may do in support: the one way in which anything of it is written, a module a part."""

from dujiang.support.actions.figures import MonthFigure, month_figures

__all__ = ["MonthFigure", "month_figures"]
