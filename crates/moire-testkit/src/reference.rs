use std::collections::BTreeMap;

use moire_graph::{Device, Error, Footprint, Graph, Program, check_inputs};
use moire_tensor::Tensor;

/// Runs graphs by [`Graph::eval`], one sample after another: slow and right.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reference;

impl Device for Reference {
    fn compile(&self, graph: &Graph, batch: usize) -> Result<Box<dyn Program>, Error> {
        Ok(Box::new(ReferenceProgram { graph: graph.clone(), batch, outputs: BTreeMap::new() }))
    }
}

struct ReferenceProgram {
    graph: Graph,
    batch: usize,
    outputs: BTreeMap<String, Vec<f32>>,
}

impl Program for ReferenceProgram {
    fn batch(&self) -> usize {
        self.batch
    }

    fn memory(&self) -> Footprint {
        let own = self.graph.nodes().iter().map(|n| n.shape.numel() * size_of::<f64>()).sum();
        Footprint { own, ..Footprint::default() }
    }

    fn run(&mut self, samples: usize, inputs: &[(&str, &[f32])]) -> Result<(), Error> {
        check_inputs(&self.graph, self.batch, samples, inputs, None)?;
        self.outputs.clear();
        for s in 0..samples {
            let own: Vec<(&str, Tensor<f64>)> = inputs
                .iter()
                .map(|&(name, data)| {
                    let shape = self.graph.shape(self.graph.input(name)?).clone();
                    let size = shape.numel();
                    Ok((name, Tensor::from_fn(shape, |i| f64::from(data[s * size + i]))))
                })
                .collect::<Result<_, Error>>()?;
            let own: Vec<(&str, &Tensor<f64>)> = own.iter().map(|(name, t)| (*name, t)).collect();
            for (name, value) in self.graph.eval(&own)? {
                let values = value.data().iter().map(|&v| v as f32);
                self.outputs.entry(name).or_default().extend(values);
            }
        }
        Ok(())
    }

    fn run_for(&mut self, samples: usize, inputs: &[(&str, &[f32])], outputs: &[&str]) -> Result<(), Error> {
        check_inputs(&self.graph, self.batch, samples, inputs, Some(outputs))?;
        // What is not needed may be anything.
        let names = self.graph.inputs().iter().map(|&v| self.graph.node(v));
        let any: Vec<(String, Vec<f32>)> = names
            .filter(|node| !inputs.iter().any(|(name, _)| *name == node.name))
            .map(|node| (node.name.clone(), vec![0.0; node.shape.numel() * samples]))
            .collect();
        let mut all = inputs.to_vec();
        all.extend(any.iter().map(|(name, zeros)| (name.as_str(), zeros.as_slice())));
        self.run(samples, &all)?;
        self.outputs.retain(|name, _| outputs.contains(&name.as_str()));
        Ok(())
    }

    fn output(&self, name: &str) -> Result<&[f32], Error> {
        self.graph.output(name)?;
        Ok(self.outputs.get(name).map_or(&[], Vec::as_slice))
    }
}
