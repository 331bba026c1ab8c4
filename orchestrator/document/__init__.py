"""The experiment as a document: the YAML, its models, and every mistake in it with its place.

In: a file or the name of a packaged experiment, and overrides. Out: an `Experiment`, whose values are as written and
know their lines; or a SpecError that names all mistakes at once. Nothing here knows what can be run.
Public face: `experiment.load_experiment`.
"""

__all__ = ["experiment", "resources", "spec", "units", "validation_errors", "yaml_document"]
