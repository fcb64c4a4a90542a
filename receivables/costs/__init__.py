"""What late payment costs: rates with their source, simple interest, fixed sums, and who decides."""
