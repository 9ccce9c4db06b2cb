//! Layers of networks that take a condition.

use moire_graph::{Error, ValueId};

use crate::attribute::Attribute;
use crate::layers::Layers;

impl Layers<'_> {
    /// `a` and `b` as channels of one value; where one has fewer rows, it is the same for all of the other's.
    pub(crate) fn beside(&mut self, a: ValueId, b: ValueId) -> Result<ValueId, Error> {
        let rows = self.b.shape(a)[0].max(self.b.shape(b)[0]);
        let repeated = |net: &mut Self, v: ValueId| net.b.expand(v, net.b.shape(v).with(0, rows));
        let parts = [repeated(self, a)?, repeated(self, b)?];
        self.b.concat(&parts, 1)
    }

    /// What the `width` numbers of a condition are about: as the file says, or one of the `known` lists.
    pub(crate) fn attributes(&mut self, width: usize, known: &[&[Attribute]]) -> Vec<Attribute> {
        let named = match &self.config.attributes {
            Some(own) => [own.as_slice()].into_iter().find(|own| own.len() == width),
            None => known.iter().copied().find(|known| known.len() == width),
        };
        if let Some(named) = named {
            return named.to_vec();
        }
        self.nameless = Some(width);
        vec![Attribute::ALL[0]; width.max(1)]
    }

    /// The input `c` `[domains, width]`.
    pub(crate) fn condition(&mut self, domains: usize, width: usize) -> Result<ValueId, Error> {
        self.b.input("c", [domains, width])
    }

    /// `x` beside the condition `c`, which is the same at every pixel: `[k, channels + width, h, w]`.
    pub(crate) fn with_condition(&mut self, x: ValueId, c: ValueId) -> Result<ValueId, Error> {
        self.b.scope("condition");
        let [domains, width] = [self.b.shape(c)[0], self.b.shape(c)[1]];
        let [h, w] = [self.b.shape(x)[2], self.b.shape(x)[3]];
        let c = self.b.reshape(c, [domains, width, 1, 1])?;
        let c = self.b.expand(c, [domains, width, h, w])?;
        self.beside(x, c)
    }
}
