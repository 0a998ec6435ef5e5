"""How much a flow would notice: its recorded evidence is changed and its assertions are asked again (DESIGN §7)."""
