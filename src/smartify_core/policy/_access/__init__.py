"""Who may open what: values and decisions, pure functions of (request, facts, rules, now)."""
