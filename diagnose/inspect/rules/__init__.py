"""What is wrong with a configuration: small pure functions over objects, a module a subject."""
