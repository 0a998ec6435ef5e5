"""The composition root: the only place that knows concrete engines, so that every other part knows protocols."""
