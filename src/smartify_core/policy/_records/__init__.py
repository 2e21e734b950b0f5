"""Employees, agreements, grants, issues and conditions: kept sealed in the store, every change in the audit trail."""
