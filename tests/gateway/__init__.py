"""A stand-in for Kong: stock nginx with the directives that Kong's templates write, and a controller for Ingresses."""
