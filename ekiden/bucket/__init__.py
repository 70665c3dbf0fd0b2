"""Setting up a bucket: itself, what expires in it, and who is told of new objects."""
