"""Any moment of a Batch, brought back: what stood in front of a stage is made again from what was
kept, because the same input gives the same bytes.

moment      which Batch, Bag and stage a person means
overlay     a store that reads through and keeps to itself what is written
rebuild     the real stages, run over an overlay
compare     how that differs from what is there
"""
