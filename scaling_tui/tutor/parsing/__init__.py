"""What people type and banks compute: numbers, expressions, formulas over the law code."""
