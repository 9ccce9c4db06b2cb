use std::fmt;

use crate::dtype::DType;

/// Every name that a pickle may call. What is not here is refused when it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Global {
    OrderedDict,
    /// `_rebuild_tensor(storage, offset, size, stride)`.
    RebuildTensor,
    /// `_rebuild_tensor_v2`: the same, and gradients and hooks, which are dropped.
    RebuildTensorV2,
    /// `_rebuild_parameter(tensor, ..)`: the tensor.
    RebuildParameter,
    Size,
    Storage(DType),
    /// The class of a tensor, which the tar format writes beside each.
    TensorClass(DType),
    /// What objects of a module may hold beside tensors, such as a set of names: dropped unseen.
    Plain,
    /// numpy's scalars and what they are made of: their value is dropped unseen.
    Numpy,
}

impl Global {
    pub(super) fn resolve(module: &str, name: &str) -> Option<Self> {
        Some(match (module, name) {
            ("collections", "OrderedDict") => Self::OrderedDict,
            ("torch._utils", "_rebuild_tensor") => Self::RebuildTensor,
            ("torch._utils", "_rebuild_tensor_v2") => Self::RebuildTensorV2,
            ("torch._utils", "_rebuild_parameter") | ("torch.nn.parameter", "Parameter") => {
                Self::RebuildParameter
            }
            ("builtins" | "__builtin__", "set" | "frozenset" | "slice")
            | ("torch", "device")
            | ("functools", "partial")
            // Every module of PyTorch 0.4 has one.
            | ("torch.nn.backends.thnn", "_get_thnn_function_backend") => Self::Plain,
            ("torch", "Size") => Self::Size,
            ("numpy.core.multiarray" | "numpy._core.multiarray", "scalar")
            | ("numpy", "dtype")
            | ("_codecs", "encode") => Self::Numpy,
            ("torch" | "torch.cuda", _) => match name.strip_suffix("Storage") {
                Some(element) => Self::Storage(dtype(element)?),
                None => Self::TensorClass(dtype(name.strip_suffix("Tensor")?)?),
            },
            _ => return None,
        })
    }
}

fn dtype(name: &str) -> Option<DType> {
    Some(match name {
        "Double" => DType::F64,
        "Float" => DType::F32,
        "Half" => DType::F16,
        "BFloat16" => DType::Bf16,
        "Long" => DType::I64,
        "Int" => DType::I32,
        "Short" => DType::I16,
        "Char" => DType::I8,
        "Byte" => DType::U8,
        "Bool" => DType::Bool,
        _ => return None,
    })
}

impl fmt::Display for Global {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OrderedDict => "collections.OrderedDict",
            Self::RebuildTensor => "torch._utils._rebuild_tensor",
            Self::RebuildTensorV2 => "torch._utils._rebuild_tensor_v2",
            Self::RebuildParameter => "torch._utils._rebuild_parameter",
            Self::Size => "torch.Size",
            Self::Storage(_) => "of a torch storage class",
            Self::TensorClass(_) => "of a torch tensor class",
            Self::Plain => "of a set, a slice, a device or a function",
            Self::Numpy => "of a numpy scalar",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Global;

    #[test]
    fn only_what_state_dicts_need_resolves() {
        let resolve = |path: &str| path.rsplit_once('.').and_then(|(m, n)| Global::resolve(m, n));
        for known in
            ["collections.OrderedDict", "torch.BFloat16Storage", "torch.cuda.FloatTensor", "torch.Size"]
        {
            assert!(resolve(known).is_some(), "{known}");
        }
        for foreign in
            ["os.system", "builtins.eval", "torch.load", "torch.Tensor", "torch.hub.Storage", "torch.Storage"]
        {
            assert!(resolve(foreign).is_none(), "{foreign}");
        }
    }
}
