"""The HTTP edge: parse, authorise, call one flow, render. No SQL, no HTTP client."""
