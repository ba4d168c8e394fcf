"""Pictures of shapes, of their parts and of what attention does on them."""
