"""Compares the simulated AWS with the service models that AWS publishes with its own clients.

`stories` calls the operations through boto3; each answer is read here, byte by byte, and not by boto3's lenient parsers
alone. What the stories have called is then called again in every wrong way that the models know of.
"""
