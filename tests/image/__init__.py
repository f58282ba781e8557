"""The container image, built and run without a registry: on a base image made from the Python that runs the tests."""
