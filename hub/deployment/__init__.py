"""The platform on Kubernetes: the chart's values, and rendering it without Helm."""

from .chart import CHART, ChartError, render
from .values import Values

__all__ = ["CHART", "ChartError", "Values", "render"]
