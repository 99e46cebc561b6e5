"""The user's own strategies, from files, modules and packages; and whether an error comes from their code or ours."""
