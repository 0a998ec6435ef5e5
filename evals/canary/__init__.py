"""The secret canary: does a secret leave a run anywhere, in any encoding, through any action?"""
