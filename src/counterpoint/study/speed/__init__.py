"""What the runtime study makes of its measurements; apart from the reports, which depend on no model."""
