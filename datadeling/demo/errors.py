"""What can go wrong with the embedded services, named after what the caller must do about it."""

from datadeling.errors import DatadelingError


class ServiceFailed(DatadelingError):
    """A service did not start, or is gone. Nothing of it is left running; the text ends with its log."""


class KafkaJarsRefused(DatadelingError):
    """The jars of Kafka are not those that we pinned, or cannot be had. Nothing has been started."""
