"""Phase F: iterative reconstructions by pty-chi, which runs in a process of its own."""
