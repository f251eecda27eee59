"""What people say to each other in a project: comments on cells, the chat, and what happened."""
