"""What a person sees: tables, the sentences beneath them, and files to take away."""
