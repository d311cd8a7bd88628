"""Reports as one HTML file each: a shared frame, tables, figures; nothing is loaded from anywhere."""
