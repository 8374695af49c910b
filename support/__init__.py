"""What the tests of both folders and the benchmarks share; nothing here is a test.

harness             many small boxes in one program, against numbers given by hand
row_trials          rows of the table at their samples, against 50-digit differences
reverse_pairs       programs and their adjoints, against forward mode and differences
whole_examples      programs that every way to differentiate must get right
whole_programs      programs with sliders, against central differences of the programs
random_programs     programs drawn by hypothesis, and what they mean in Python
library_functions   functions of the standard libraries, and why some have no derivative
networks            networks as Faust functions of their parameters
reference_networks  the same networks in NumPy
fits                programs and recordings for `fit`
fake_compilers      commands in the place of a compiler that are not what they seem
evaluator           the expressions of the table by Python's own `eval`
operations          the arithmetic in the C++ that a compiler writes
sharing             what the processes of a test run share, to be made once
pages               the pages of the documentation, and the code in them
paths               where things are in the repository
"""
