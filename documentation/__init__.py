"""How the documentation is made: pages drawn from the code, and the site that holds them all."""
