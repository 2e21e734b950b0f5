"""The gate: the only way to open sealed fields. A decision, a durable record of it, and only then the fields."""
