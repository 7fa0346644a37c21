"""The models that come with the package, and which file a path or a name stands for."""
