"""From explanations to a report: the ladder, the findings, the verdict. Values in, values out."""
