//! What holds for every document and every expression, tried on generated ones.
//!
//! Each property has a second opinion that shares nothing with the product: YAML 1.1's own patterns
//! for scalars, and a small evaluator of Python's rules for expressions and filters. What only
//! Salt can say is compared with Salt, case by case (`states/testdata/render/compare.py`).

mod expression;
mod scalar;
mod yaml;
