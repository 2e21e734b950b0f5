"""Where records go: the port, the queue and its thread, and the keys and checks of others' logs."""
