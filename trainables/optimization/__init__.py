"""Schedules and the bilevel step."""
